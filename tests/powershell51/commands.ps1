# The commands of Windows PowerShell 5.1 and their parameters: of a Server 2016 (desktop-5.1.json.gz), and of commands that
# came with later Windows (newer.json).

$common = 'Verbose', 'Debug', 'ErrorAction', 'WarningAction', 'InformationAction', 'ErrorVariable', 'WarningVariable',
    'InformationVariable', 'OutVariable', 'OutBuffer', 'PipelineVariable', 'WhatIf', 'Confirm'

# Parameters that come from what a command acts on: the file system, certificates, the registry.
$dynamic = @{
    'Get-ChildItem' = 'File', 'Directory', 'Attributes', 'Hidden', 'ReadOnly', 'System'
    'New-ItemProperty' = , 'PropertyType'
    'Remove-Item' = , 'DeleteKey'
}

$commands = @{}
foreach ($module in (Read-Packed "$PSScriptRoot/desktop-5.1.json.gz" | ConvertFrom-Json).Modules) {
    foreach ($command in @($module.ExportedCommands) | Where-Object { $null -ne $_ -and $_.Name }) {
        $commands[$command.Name] = "$($command.ParameterSets)"
    }
}
$newer = Get-Content -LiteralPath "$PSScriptRoot/newer.json" -Raw | ConvertFrom-Json -AsHashtable

# $null for a command that 5.1 does not have.
function Get-Parameters([string]$command) {
    $known = if ($newer.ContainsKey($command)) {
        $newer[$command]
    } elseif ($commands.ContainsKey($command)) {
        [regex]::Matches($commands[$command], '\[?\[?-(\w+)\]?') | ForEach-Object { $_.Groups[1].Value }
    } else {
        return
    }
    @($known) + $common + @($dynamic[$command] | Where-Object { $_ }) | Sort-Object -Unique
}
