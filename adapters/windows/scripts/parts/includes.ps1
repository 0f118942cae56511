# Which files nginx's configuration names, and all that it includes.
# Part: configuration

# nginx's language, one statement at a time. A quote or a # counts at the beginning of a word only. `lua`: code in braces,
# with Lua's own strings and comments. The time is limited, for the text is foreign.
function New-Grammar {
    $word = '(?:\\[\s\S]|\$\{|[^\s;{\\])+'
    $quoted = '"(?:\\[\s\S]|[^"\\])*"|''(?:\\[\s\S]|[^''\\])*'''
    $token = "(?>$quoted|(?![#`"'};{])$word)"
    $space = '(?>(?:\s+|#[^\n]*)*)'
    $lua = '[^{}"''\[\-]+|--\[(?<e>=*)\[[\s\S]*?\]\k<e>\]|--[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|''(?:\\[\s\S]|[^''\\\n])*''' +
        '|\[(?<e>=*)\[[\s\S]*?\]\k<e>\]|["''\[\-]|(?<d>\{)|(?<-d>\})'
    $time = [timespan]'00:00:05'
    $none = [System.Text.RegularExpressions.RegexOptions]::None
    @{
        statement = New-Object regex "\G$space(?:\}|(?<name>$token)(?<words>(?>(?:$space$token)*))$space(?<end>[;{]))", $none, $time
        first = New-Object regex "\G$space(?<word>$token)$space\z", $none, $time
        lua = New-Object regex "\G\{(?>$lua)*(?(d)(?!))\}", $none, $time
    }
}

# Directives beside include whose relative paths nginx reads from the folder of its configuration at its start.
$naming = '\A(include|auth_basic_user_file|((proxy|grpc|uwsgi)_)?ssl_(certificate(_key)?|trusted_certificate|client_certificate|' +
    'dhparam|crl|password_file|session_ticket_key|stapling_file))\z'

# The place of each name, and its path. Where the syntax is bad it ends: nginx says why.
function Find-Names($grammar, [string]$base, [string]$text) {
    $match = $grammar.statement.Match($text, 0)
    while ($match.Success) {
        $at = $match.Index + $match.Length
        $name = $match.Groups['name'].Value
        if ($match.Groups['end'].Value -eq '{' -and $name -like '*_by_lua_block') {
            $code = $grammar.lua.Match($text, $at - 1)
            if (-not $code.Success) {
                return
            }
            $at = $code.Index + $code.Length
        } elseif ($name -cmatch $naming) {
            $words = $match.Groups['words']
            $first = $grammar.first.Match($words.Value, 0)
            if ($first.Success) {
                $word = $first.Groups['word']
                $path = Get-Named $base $word.Value
                @{ include = $name -ceq 'include'; at = $words.Index + $word.Index; length = $word.Length; path = $path }
            }
        }
        $match = $grammar.statement.Match($text, $at)
    }
}

# The full path. Names are UTF-8, as nginx takes them on Windows; a path of another machine stays as it is.
function Get-Named([string]$base, [string]$word) {
    if ($word -match '^(["''])([\s\S]*)\1$') {
        $word = $Matches[2]
    }
    $bytes = [System.Text.Encoding]::GetEncoding(28591).GetBytes(($word -replace '\\(["''\\ ])', '$1'))
    $name = (New-Object System.Text.UTF8Encoding $false).GetString($bytes)
    if ($name -match '^[\\/]{2}') {
        return $name
    }
    if ($name -match '^[\\/]') {
        return Get-Plain "$($base.Substring(0, 2))$name"
    }
    if ($name -match '^[A-Za-z]:') {
        return Get-Plain $name
    }
    Get-Plain "$base\$name"
}

# The files that an included path means, by their names in the order in which Windows lists them.
function Find-Included([string]$base, [string]$path) {
    $cut = $path.LastIndexOf('\')
    $folder = if ($cut -gt 0) { $path.Substring(0, $cut) } else { '' }
    if ($path.IndexOfAny('*?'.ToCharArray()) -lt 0 -or -not (Test-Inside $base "$folder\x")) {
        return $path
    }
    if ($folder -ne $base -and (Get-Standing $base $folder) -eq 'outside') {
        return $path
    }
    $listed = Get-ChildItem -LiteralPath $folder -Filter $path.Substring($cut + 1) -File -Force -ErrorAction SilentlyContinue
    $names = New-Object System.Collections.Generic.List[string]
    foreach ($file in $listed) {
        $names.Add($file.Name)
    }
    $names.Sort([System.StringComparer]::OrdinalIgnoreCase)
    foreach ($name in $names) {
        "$folder\$name"
    }
}

# One file: from the folder of edited files where it lies there, too, or there alone. `failure`: why it cannot be read.
function Read-One([string]$base, [string]$file, [string]$edited, [long]$limit) {
    $one = @{ file = $file; state = Get-Standing $base $file; bytes = $null; names = @(); failure = $null }
    $other = if ($edited -ne '' -and (Test-Inside $base $file)) { "$edited$($file.Substring($base.Length))" } else { '' }
    $staged = $other -ne '' -and (Test-Path -LiteralPath $other -PathType Leaf)
    if ($one.state -eq 'missing' -and $staged) {
        $one.state = 'present'
    }
    if ($one.state -ne 'present') {
        return $one
    }
    try {
        $one.bytes = Read-Bytes $(if ($staged) { $other } else { $file }) $limit
    } catch {
        $one.state = 'unreadable'
        $one.failure = $_
    }
    $one
}

# The main file, and whatever it includes, each once.
function Read-Tree([string]$edited) {
    $grammar = New-Grammar
    $tree = New-Object System.Collections.Generic.List[hashtable]
    $known = New-Object System.Collections.Generic.HashSet[string] ([System.StringComparer]::OrdinalIgnoreCase)
    $wanted = New-Object System.Collections.Generic.List[string]
    $wanted.Add($a.main)
    for ($next = 0; $next -lt $wanted.Count; $next++) {
        foreach ($file in @(Find-Included $a.base $wanted[$next])) {
            if (-not $known.Add($file)) {
                continue
            }
            if ($tree.Count -ge $a.files_limit) {
                Stop-Script 'TooManyFiles' "$($a.main) includes more than $($a.files_limit) files"
            }
            $one = Read-One $a.base $file $edited $a.limit
            $tree.Add($one)
            if ($null -ne $one.bytes) {
                $one.names = @(Find-Names $grammar $a.base (Get-Latin $one.bytes))
            }
            foreach ($name in $one.names) {
                if ($name.include) {
                    $wanted.Add($name.path)
                }
            }
        }
    }
    , $tree
}
