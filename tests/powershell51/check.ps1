# Names what PowerShell files use that Windows PowerShell 5.1 on .NET Framework 4.8 does not have: pwsh check.ps1 FILE...
# Prints "file:line kind message"; the exit code is 1 where there is anything to say. SYNTAX, COMMAND, PARAMETER, TYPE and
# MEMBER are absent in 5.1. WATCH: 7 knows more overloads, or Max and Min may choose a type that is too small; a call that
# was looked at stands in reviewed.txt, in one line with single spaces.
param([Parameter(Mandatory = $true, ValueFromRemainingArguments = $true)] [string[]]$Files)
Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
. "$PSScriptRoot/framework.ps1"
. "$PSScriptRoot/commands.ps1"
. "$PSScriptRoot/rules.ps1"

$reviewed = @(Get-Content -LiteralPath "$PSScriptRoot/reviewed.txt" | Where-Object { $_ -and $_ -notlike '#*' })
$language = 'System.Management.Automation.Language'
$kinds = 'TernaryExpressionAst', 'PipelineChainAst', 'TypeExpressionAst', 'TypeConstraintAst', 'CommandAst',
    'InvokeMemberExpressionAst', 'MemberExpressionAst'

function Find-Nodes($tree, [string]$kind) {
    $type = "$language.$kind" -as [type]
    $tree.FindAll({ $args[0] -is $type }.GetNewClosure(), $true)
}

# The keys of each hash table that the file puts into a variable.
function Get-Tables($tree) {
    $tables = @{}
    foreach ($set in Find-Nodes $tree 'AssignmentStatementAst') {
        $table = $set.Right.Find({ $args[0] -is [System.Management.Automation.Language.HashtableAst] }, $false)
        if ($table -and "$($set.Left)" -match '^\$(\w+)$') {
            $tables[$Matches[1]] = @($table.KeyValuePairs | ForEach-Object { $_.Item1.Extent.Text.Trim("'") })
        }
    }
    $tables
}

function Test-Node($ast, [string[]]$known, [hashtable]$tables) {
    switch ($ast.GetType().Name) {
        'TernaryExpressionAst' { "SYNTAX 5.1 has no $($ast.Extent.Text)" }
        'PipelineChainAst' { "SYNTAX 5.1 has no $($ast.Extent.Text)" }
        'TypeExpressionAst' { Test-Type $ast.TypeName.FullName }
        'TypeConstraintAst' { Test-Type $ast.TypeName.FullName }
        'CommandAst' { Test-Command $ast $known $tables }
        'InvokeMemberExpressionAst' { Test-Call $ast }
        'MemberExpressionAst' { Test-Property $ast }
    }
}

function Test-File([string]$file) {
    $tokens = $errors = $null
    $tree = [System.Management.Automation.Language.Parser]::ParseFile((Resolve-Path -LiteralPath $file).Path, [ref]$tokens, [ref]$errors)
    foreach ($wrong in $errors) {
        "${file}:$($wrong.Extent.StartLineNumber) SYNTAX $($wrong.Message)"
    }
    foreach ($token in $tokens) {
        foreach ($found in Test-Token $token) {
            "${file}:$($token.Extent.StartLineNumber) $found"
        }
    }
    $known = @(Find-Nodes $tree 'FunctionDefinitionAst' | ForEach-Object { $_.Name })
    $tables = Get-Tables $tree
    foreach ($ast in $tree.FindAll({ $args[0].GetType().Name -in $kinds }, $true)) {
        foreach ($found in Test-Node $ast $known $tables) {
            if ($found -notlike 'WATCH *' -or $reviewed -notcontains (Get-Line $ast)) {
                "${file}:$($ast.Extent.StartLineNumber) $found"
            }
        }
    }
}

$said = @($Files | ForEach-Object { Test-File $_ })
$said
exit [int]($said.Count -gt 0)
