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

# Lines with their breaks; of \r\n only \n is left. $null where the time is over in the middle.
function Get-Text($search, $form, [byte[]]$bytes, [int]$from, [int]$to) {
    $text = $form.encoding.GetString($bytes, $from, $to - $from)
    if ($form.unit -eq 1 -and $text.IndexOf([char]65533) -ge 0) {
        $text = Get-Mixed $search $form $bytes $from $to $text
    }
    if ($null -ne $text) { $text.Replace("`r`n", "`n") } else { $null }
}

# Only lines that are no UTF-8 are read once more, for line by line that takes fifty times longer; what stands between them
# tells by its length where their bytes are.
function Get-Mixed($search, $form, [byte[]]$bytes, [int]$from, [int]$to, [string]$text) {
    $mixed = New-Mixed $search $form $bytes $text
    $done = 0
    $broken = $text.IndexOf([char]65533)
    while ($broken -ge 0) {
        $whole = $text.Substring($done, $broken - $done)
        $whole = $whole.Substring(0, $whole.LastIndexOf([char]10) + 1)
        $null = $mixed.all.Append($whole)
        $from += $form.encoding.GetByteCount($whole)
        $done += $whole.Length
        $mixed.byte.Clear()
        $mixed.char.Clear()
        do {
            if ($search.watch.ElapsedMilliseconds -gt $search.milliseconds) {
                return $null
            }
            $mixed.byte.Add($from)
            $mixed.char.Add($done)
            $from = [array]::IndexOf($bytes, [byte]10, $from, $to - $from) + 1
            $done = $text.IndexOf([char]10, $broken) + 1
            if ($from -eq 0 -or $done -eq 0) {
                $from = $to
                $done = $text.Length
            }
            $broken = $text.IndexOf([char]65533, $done)
            $stop = $text.IndexOf([char]10, $done)
        } while ($broken -ge 0 -and ($stop -lt 0 -or $broken -lt $stop))
        $mixed.byte.Add($from)
        $mixed.char.Add($done)
        Add-Japanese $mixed 0 ($mixed.byte.Count - 1)
    }
    if ($mixed.late) { $null } else { $mixed.all.Append($text, $done, $text.Length - $done).ToString() }
}

# `byte`, `char`: where broken lines that follow one another begin, in bytes and in the text, and where the last one ends.
function New-Mixed($search, $form, [byte[]]$bytes, [string]$text) {
    $broken = New-Object System.Text.DecoderReplacementFallback ([string][char]65533)
    @{
        search = $search
        form = $form
        bytes = $bytes
        text = $text
        byte = New-Object System.Collections.Generic.List[int]
        char = New-Object System.Collections.Generic.List[int]
        all = New-Object System.Text.StringBuilder
        japanese = [System.Text.Encoding]::GetEncoding(932, [System.Text.EncoderFallback]::ReplacementFallback, $broken)
        strange = [regex]'[\u0080-\u00A0\uE000-\uF8FF\uFFFD]'
        late = $false
    }
}

# Some of these lines as Shift-JIS where they can be that, as they are where only one is left; else by halves.
function Add-Japanese($mixed, [int]$first, [int]$end) {
    $mixed.late = $mixed.late -or $mixed.search.watch.ElapsedMilliseconds -gt $mixed.search.milliseconds
    if ($mixed.late) {
        return
    }
    $other = $mixed.japanese.GetString($mixed.bytes, $mixed.byte[$first], $mixed.byte[$end] - $mixed.byte[$first])
    if (-not $mixed.strange.IsMatch($other)) {
        $null = $mixed.all.Append($other)
        $mixed.form.name = 'shift_jis'
        return
    }
    if ($end - $first -eq 1) {
        $null = $mixed.all.Append($mixed.text, $mixed.char[$first], $mixed.char[$end] - $mixed.char[$first])
        return
    }
    $middle = $first + (($end - $first) -shr 1)
    Add-Japanese $mixed $first $middle
    Add-Japanese $mixed $middle $end
}
