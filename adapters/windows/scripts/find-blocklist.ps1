# Lines of Nebula's log beyond a place: certificates that it has read as blocked, and peers that it refused for that.
# In:  log (full path), after (bytes), fingerprints, reason (text of such a refusal), most (lines).
# Out: listed (the newest line of each fingerprint), refused (the newest lines); adapters.windows.blocklist reads them.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: files
# Part: beyond

$read = @(Read-Beyond 'Blocklisting cert')
$listed = foreach ($fingerprint in @($a.fingerprints)) {
    $read | Where-Object { $_.Contains($fingerprint) } | Select-Object -Last 1
}
# Lines of Nebula 1.10 name the certificate, some of them without a reason.
$wanted = @($a.reason) + @($a.fingerprints)
$refused = foreach ($line in @(Read-Beyond 'Invalid certificate from host')) {
    if (@($wanted | Where-Object { $line.Contains($_) }).Count -gt 0) {
        $line
    }
}
@{ listed = @($listed); refused = @(@($refused) | Select-Object -Last $a.most) }
