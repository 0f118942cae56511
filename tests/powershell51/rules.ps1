# What is said of one piece of a file's tree: "kind message", or nothing.

# Methods of PowerShell's session state and of COM, which no list here has.
$foreign = 'CreateUpdateSearcher', 'GetUnresolvedProviderPathFromPSPath', 'Search', 'ShouldProcess'

$seven_tokens = 'QuestionMark', 'QuestionDot', 'QuestionLBracket', 'QuestionQuestion', 'QuestionQuestionEquals', 'AndAnd', 'OrOr', 'Clean'

function Test-Token($token) {
    if ($token.Kind -notin 'Ampersand' -and $token.Kind -notin $seven_tokens) {
        return
    }
    $background = $token.Kind -eq 'Ampersand' -and
        $token.TokenFlags -notmatch 'UnaryOperator|CommandName|ParseModeInvariant|SpecialOperator'
    if ($background -or "$($token.Kind)" -in $seven_tokens) {
        "SYNTAX 5.1 has no $($token.Text)"
    }
}

function Test-Type([string]$name) {
    if ($own_types -notcontains ($name -replace '(\[\])+$', '') -and -not (Resolve-Type $name)) {
        "TYPE not in .NET Framework 4.8: $name"
    }
}

# `known`: functions of the file itself. `tables`: keys of hash tables by the variable that holds them, for @splatting.
function Test-Command($ast, [string[]]$known, [hashtable]$tables) {
    $name = $ast.GetCommandName()
    if (-not $name -or $name -like '*.exe' -or $known -contains $name) {
        return
    }
    $parameters = Get-Parameters $name
    if ($null -eq $parameters) {
        Test-Unknown $name
        return
    }
    foreach ($given in Get-Given $ast $tables) {
        if ($parameters -notcontains $given -and @($parameters -like "$given*").Count -ne 1) {
            "PARAMETER 5.1's $name has no -$given"
        }
    }
    $values = @($ast.CommandElements | Where-Object { $_ -isnot [System.Management.Automation.Language.CommandParameterAst] })
    if ($name -eq 'Join-Path' -and $values.Count -gt 3) {
        "PARAMETER 5.1's Join-Path takes one child"
    }
    if ($name -eq 'New-Object') {
        Test-NewObject $ast $values
    }
}

# A function of another part has a name that this PowerShell does not know either.
function Test-Unknown([string]$name) {
    if ($name -cnotmatch '^[A-Z][a-z]+-[A-Z]' -or (Get-Command -Name $name -ErrorAction Ignore)) {
        "COMMAND not in 5.1: $name"
    }
}

function Get-Given($ast, [hashtable]$tables) {
    foreach ($element in $ast.CommandElements) {
        if ($element -is [System.Management.Automation.Language.CommandParameterAst]) {
            $element.ParameterName
        } elseif ($element -is [System.Management.Automation.Language.VariableExpressionAst] -and $element.Splatted) {
            $tables["$($element.VariablePath)"]
        }
    }
}

function Test-NewObject($ast, $values) {
    $type = $values[1]
    if ($type -isnot [System.Management.Automation.Language.StringConstantExpressionAst] -or $own_types -contains $type.Value) {
        return
    }
    if ($ast.CommandElements | Where-Object { "$_" -eq '-ComObject' }) {
        return
    }
    $full = Resolve-Type $type.Value
    if (-not $full) {
        "TYPE not in .NET Framework 4.8: $($type.Value)"
    } elseif ($type.Value -notlike '*`[*') {
        $count = if ($values.Count -lt 3) { 0 } elseif ($values[2] -is [System.Management.Automation.Language.ArrayLiteralAst]) { $values[2].Elements.Count } else { 1 }
        Test-Method $ast $full '.ctor' $count 'ctor'
    }
}

function Test-Call($ast) {
    $name = "$($ast.Member)"
    $count = @($ast.Arguments | Where-Object { $_ }).Count
    if (-not $ast.Static) {
        Test-Received $ast $name $count
        return
    }
    $type = $ast.Expression.TypeName.FullName
    $full = Resolve-Type $type
    if ($own_types -contains $type -or -not $full) {
        return
    }
    # 5.1 chooses by the first argument: [Math]::Max([int], [long]) fails where the second is beyond two thousand million.
    if ($full -eq 'System.Math' -and $name -in 'Max', 'Min' -and "$($ast.Arguments[0])" -notmatch '^\[(long|double)\]') {
        "WATCH the first argument decides, and an int there makes a long beyond 2147483647 fail: $(Get-Line $ast)"
    }
    if ($name -eq 'new') {
        Test-Method $ast $full '.ctor' $count 'ctor'
    } else {
        Test-Method $ast $full $name $count 'smethod'
    }
}

function Get-Line($ast) {
    $ast.Extent.Text -replace '\s+', ' '
}

function Test-Method($ast, [string]$type, [string]$name, [int]$count, [string]$kind) {
    $known = @(Get-Members $type | Where-Object { $_.name -eq $name -and $_.kind -eq $kind })
    $fit = @($known | Where-Object { $_.count -eq $count -or $_.of -like '*`[`]' })
    if ($fit.Count -eq 0) {
        return "MEMBER $type has no $name with $count arguments in .NET Framework 4.8, but: $(@($known | ForEach-Object of) -join ' | ')"
    }
    $older = @($fit.of -replace '<.*?>', '')
    $more = @(Get-NewerOverloads $type $name $count $kind | Where-Object { $_ -notin $older })
    if ($more.Count -gt 0) {
        "WATCH $type has $name as ($($older -join ' | ')), in 7 also as ($($more -join ' | ')): $(Get-Line $ast)"
    }
}

# A method of an object: of any of the usual types.
function Test-Received($ast, [string]$name, [int]$count) {
    $fit = @($received[$name] | Where-Object { $_ -and $_.member.kind -eq 'method' } |
            Where-Object { $_.member.count -eq $count -or $_.member.of -like '*`[`]' })
    if ($fit.Count -eq 0) {
        if ($foreign -notcontains $name) {
            "MEMBER no type that is looked at has a method $name with $count arguments: $(Get-Line $ast)"
        }
        return
    }
    $more = foreach ($receiver in $fit.receiver | Sort-Object -Unique) {
        $older = @(($fit | Where-Object receiver -EQ $receiver).member.of -replace '<.*?>', '') + 'T', 'IEnumerable`1', 'T[]'
        Get-NewerOverloads $receiver $name $count 'method' | Where-Object { $_ -notin $older } | ForEach-Object { "$receiver($_)" }
    }
    if ($more) {
        "WATCH 7 also has $($more -join ', '): $(Get-Line $ast)"
    }
}

function Test-Property($ast) {
    $name = "$($ast.Member)"
    if ($ast.Static) {
        $full = Resolve-Type $ast.Expression.TypeName.FullName
        if ($full -and -not (Get-Members $full | Where-Object { $_.name -eq $name -and $_.kind -in 'field', 'property' })) {
            "MEMBER $full has no $name in .NET Framework 4.8"
        }
        return
    }
    if ($received.ContainsKey($name)) {
        return
    }
    $flags = [System.Reflection.BindingFlags]'Public, Instance, IgnoreCase'
    $newest = @($receivers | Where-Object { ($_ -as [type]) -and ($_ -as [type]).GetProperty($name, $flags) })
    if ($newest.Count -gt 0) {
        "MEMBER only 7 has the property $name of $($newest -join ', ')"
    }
}
