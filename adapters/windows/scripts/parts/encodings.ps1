# How bytes become text: UTF-16 by its mark or by where its zeros stand, else UTF-8, else, line by line, Shift-JIS as
# Windows writes it (code page 932). What is none of them comes out as U+FFFD.

function New-Form([string]$name, $encoding, [int]$unit, [int]$start) {
    @{ name = $name; encoding = $encoding; unit = $unit; start = $start }
}

# `unit`: bytes of a line break; `start`: bytes of the mark at the beginning.
function Get-Form([byte[]]$sample, [int]$count) {
    $mark = [System.BitConverter]::ToString($sample, 0, [Math]::Min(3, $count))
    $zeros = Measure-Zeros $sample $count
    $few = [Math]::Max(1, $count / 8)
    if ($mark -like 'FF-FE*') {
        return New-Form 'utf-16-le' (New-Object System.Text.UnicodeEncoding $false, $false) 2 2
    }
    if ($mark -like 'FE-FF*') {
        return New-Form 'utf-16-be' (New-Object System.Text.UnicodeEncoding $true, $false) 2 2
    }
    if ($zeros.odd -ge $few -and $zeros.even -eq 0) {
        return New-Form 'utf-16-le' (New-Object System.Text.UnicodeEncoding $false, $false) 2 0
    }
    if ($zeros.even -ge $few -and $zeros.odd -eq 0) {
        return New-Form 'utf-16-be' (New-Object System.Text.UnicodeEncoding $true, $false) 2 0
    }
    $start = if ($mark -eq 'EF-BB-BF') { 3 } else { 0 }
    New-Form 'utf-8' (New-Object System.Text.UTF8Encoding $false) 1 $start
}

function Measure-Zeros([byte[]]$sample, [int]$count) {
    $zeros = @{ even = 0; odd = 0 }
    for ($at = 0; $at + 1 -lt $count; $at += 2) {
        if ($sample[$at] -eq 0) {
            $zeros.even++
        }
        if ($sample[$at + 1] -eq 0) {
            $zeros.odd++
        }
    }
    $zeros
}

# Where the first line break ends, at or after a place; -1 where there is none before `to`.
function Find-Break($form, [byte[]]$bytes, [int]$from, [int]$to) {
    for ($at = $from; $at -lt $to; $at++) {
        $at = [array]::IndexOf($bytes, [byte]10, $at, $to - $at)
        if ($at -lt 0) {
            return -1
        }
        $end = Get-BreakEnd $form $bytes $at $to
        if ($end -gt 0) {
            return $end
        }
    }
    -1
}

# The same of the last one before a place.
function Find-LastBreak($form, [byte[]]$bytes, [int]$to) {
    for ($at = $to - 1; $at -ge 0; $at--) {
        $at = [array]::LastIndexOf($bytes, [byte]10, $at, $at + 1)
        if ($at -lt 0) {
            return -1
        }
        $end = Get-BreakEnd $form $bytes $at $to
        if ($end -gt 0) {
            return $end
        }
    }
    -1
}

# In UTF-16 a byte of 10 may be half of another character; characters begin at even places.
function Get-BreakEnd($form, [byte[]]$bytes, [int]$at, [int]$to) {
    if ($form.unit -eq 1) {
        return $at + 1
    }
    $low = if ($form.name -eq 'utf-16-le') { 0 } else { 1 }
    $other = $at + 1 - 2 * $low
    if ($at % 2 -eq $low -and $other -lt $to -and $bytes[$other] -eq 0) { [Math]::Max($at, $other) + 1 } else { -1 }
}

# Lines with their breaks; of \r\n only \n is left.
function Get-Text($form, [byte[]]$bytes, [int]$from, [int]$to) {
    $text = $form.encoding.GetString($bytes, $from, $to - $from)
    if ($form.unit -eq 1 -and $text.IndexOf([char]65533) -ge 0) {
        $text = Get-Mixed $form $bytes $from $to
    }
    $text.Replace("`r`n", "`n")
}

function Get-Mixed($form, [byte[]]$bytes, [int]$from, [int]$to) {
    $broken = New-Object System.Text.DecoderReplacementFallback ([string][char]65533)
    $japanese = [System.Text.Encoding]::GetEncoding(932, [System.Text.EncoderFallback]::ReplacementFallback, $broken)
    $strange = [regex]'[\u0080-\u00A0\uE000-\uF8FF\uFFFD]'
    $all = New-Object System.Text.StringBuilder
    while ($from -lt $to) {
        $next = Find-Break $form $bytes $from $to
        if ($next -lt 0) {
            $next = $to
        }
        $line = $form.encoding.GetString($bytes, $from, $next - $from)
        if ($line.IndexOf([char]65533) -ge 0) {
            $other = $japanese.GetString($bytes, $from, $next - $from)
            if (-not $strange.IsMatch($other)) {
                $line = $other
                $form.name = 'shift_jis'
            }
        }
        $null = $all.Append($line)
        $from = $next
    }
    $all.ToString()
}
