# The public surface of .NET Framework 4.8, from fx48.tsv.gz: a line is type, kind, name, and parameter types or base types.
# A type's lines are taken apart when it is first asked about, for there are many types.

# Names that PowerShell has for types.
$accelerators = @{
    array = 'System.Array'; bool = 'System.Boolean'; byte = 'System.Byte'; char = 'System.Char'
    cultureinfo = 'System.Globalization.CultureInfo'; datetime = 'System.DateTime'; decimal = 'System.Decimal'
    double = 'System.Double'; guid = 'System.Guid'; hashtable = 'System.Collections.Hashtable'; int = 'System.Int32'
    long = 'System.Int64'; regex = 'System.Text.RegularExpressions.Regex'; securestring = 'System.Security.SecureString'
    string = 'System.String'; timespan = 'System.TimeSpan'; uint32 = 'System.UInt32'; uint64 = 'System.UInt64'
    version = 'System.Version'; void = 'System.Void'
}

# Types of PowerShell itself (System.Management.Automation), which 5.1 has.
$own_types = 'switch', 'scriptblock', 'pscustomobject', 'psobject', 'pscredential', 'ref', 'ordered', 'CmdletBinding', 'Parameter',
    'ValidateSet', 'ValidateRange', 'ValidatePattern', 'ValidateLength', 'System.Management.Automation.ErrorRecord',
    'System.Management.Automation.PSCredential'

# The types of the objects on which scripts call methods: an object's own type cannot be read from a script.
$receivers = 'System.String', 'System.Text.StringBuilder', 'System.Text.RegularExpressions.Regex',
    'System.Text.RegularExpressions.Match', 'System.Text.RegularExpressions.MatchCollection',
    'System.Collections.Generic.List`1', 'System.IO.FileStream', 'System.IO.Stream', 'System.IO.StreamReader',
    'System.IO.TextWriter', 'System.IO.TextReader', 'System.IO.MemoryStream', 'System.IO.Compression.GZipStream',
    'System.Diagnostics.Process', 'System.DateTime', 'System.DateTimeOffset', 'System.TimeSpan', 'System.TimeZoneInfo',
    'System.Text.Encoding', 'System.Collections.Hashtable', 'System.Object', 'System.Type',
    'System.Collections.Specialized.OrderedDictionary', 'System.Exception', 'System.ServiceProcess.ServiceController',
    'System.Net.NetworkInformation.Ping', 'System.Security.Principal.SecurityIdentifier', 'System.Array',
    'System.Collections.ArrayList', 'System.Diagnostics.Stopwatch', 'System.IO.FileInfo', 'System.IO.DirectoryInfo',
    'System.Security.AccessControl.FileSecurity', 'System.Security.AccessControl.DirectorySecurity',
    'System.Security.Cryptography.HashAlgorithm', 'System.Security.Cryptography.Pkcs.EnvelopedCms',
    'System.Security.Cryptography.Pkcs.CmsRecipientCollection', 'System.Threading.Tasks.Task'

function Read-Packed([string]$file) {
    $packed = New-Object System.IO.Compression.GZipStream ([System.IO.File]::OpenRead($file)), ([System.IO.Compression.CompressionMode]::Decompress)
    $reader = New-Object System.IO.StreamReader $packed
    try {
        $reader.ReadToEnd()
    } finally {
        $reader.Close()
    }
}

$lines_of = New-Object 'System.Collections.Generic.Dictionary[string, System.Collections.Generic.List[string]]' ([StringComparer]::OrdinalIgnoreCase)
foreach ($line in (Read-Packed "$PSScriptRoot/fx48.tsv.gz").Split("`n")) {
    $type = $line.Substring(0, [Math]::Max(0, $line.IndexOf("`t")))
    if (-not $lines_of.ContainsKey($type)) {
        $lines_of[$type] = New-Object 'System.Collections.Generic.List[string]'
    }
    $lines_of[$type].Add($line)
}
$members_of = @{}

# Everything public of a type, its base types' too.
function Get-Members([string]$type) {
    if (-not $lines_of.ContainsKey($type)) {
        return
    }
    if (-not $members_of.ContainsKey($type)) {
        $members_of[$type] = @(foreach ($line in $lines_of[$type]) {
                $null, $kind, $name, $of = $line.Split("`t")
                if ($kind -eq 'type') {
                    $of.Split(';') | Where-Object { $_ } | ForEach-Object { Get-Members $_ | Where-Object kind -NE 'ctor' }
                } else {
                    $count = if ($of) { $of.Split(';').Count } else { 0 }
                    [pscustomobject]@{ kind = $kind; name = $name; of = $of; count = $count; type = $type }
                }
            })
    }
    $members_of[$type]
}

# The full name of a type of .NET Framework; $null where it has none of that name.
function Resolve-Type([string]$name) {
    $name = ($name -replace '(\[\])+$', '') -replace '\[(.*)\]$', ''
    if ($accelerators.ContainsKey($name)) {
        $name = $accelerators[$name]
    }
    foreach ($full in $name, "System.$name", "$name``1", "$name``2") {
        if ($lines_of.ContainsKey($full)) {
            return $full
        }
    }
}

$received = @{}
foreach ($receiver in $receivers) {
    foreach ($member in Get-Members $receiver) {
        if (-not $received.ContainsKey($member.name)) {
            $received[$member.name] = New-Object System.Collections.Generic.List[object]
        }
        $received[$member.name].Add([pscustomobject]@{ receiver = $receiver; member = $member })
    }
}

$newer_overloads = @{}

# The overloads of this PowerShell's .NET that take so many arguments, each as Framework's list writes it.
function Get-NewerOverloads([string]$type, [string]$name, [int]$count, [string]$kind) {
    $key = "$type $name $count $kind"
    if (-not $newer_overloads.ContainsKey($key)) {
        $newer_overloads[$key] = @(Read-NewerOverloads $type $name $count $kind)
    }
    $newer_overloads[$key]
}

function Read-NewerOverloads([string]$type, [string]$name, [int]$count, [string]$kind) {
    $loaded = $type -as [type]
    if ($null -eq $loaded) {
        $loaded = [AppDomain]::CurrentDomain.GetAssemblies() | ForEach-Object { $_.GetType($type) } | Where-Object { $_ } | Select-Object -First 1
    }
    if ($null -eq $loaded) {
        return
    }
    $reach = if ($kind -eq 'smethod') { 'Static' } else { 'Instance' }
    $flags = [System.Reflection.BindingFlags]"Public, IgnoreCase, $reach"
    $found = if ($kind -eq 'ctor') { $loaded.GetConstructors() } else { $loaded.GetMember($name, 'Method', $flags) }
    foreach ($method in $found) {
        $all = $method.GetParameters()
        $needed = @($all | Where-Object { -not $_.IsOptional }).Count
        $parameters = @($all | Select-Object -First $count)
        if ($needed -le $count -and $count -le $all.Count -and -not ($parameters | Where-Object { Test-Unreachable $_.ParameterType })) {
            ($parameters | ForEach-Object { Get-TypeName $_.ParameterType }) -join ';'
        }
    }
}

# Types of arguments that PowerShell never chooses.
function Test-Unreachable($type) {
    $type.IsByRefLike -or $type.FullName -match '^System\.U?IntPtr$|InterpolatedStringHandler'
}

function Get-TypeName($type) {
    if ($type.IsGenericType -or -not $type.FullName) {
        return $type.Name
    }
    $type.FullName
}
