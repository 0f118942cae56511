# Make the scratch service anew and start it. It runs while rule.txt in its folder says "run", and refuses to start otherwise.
# In:  name, folder.
# Out: status.
param($a)
Set-StrictMode -Version 3
$ErrorActionPreference = 'Stop'
$program = "$($a.folder)\contract-service.exe"
# C# 5, for that is what the compiler of .NET Framework knows.
$source = @'
using System;
using System.IO;
using System.ServiceProcess;

public sealed class ContractService : ServiceBase
{
    protected override void OnStart(string[] arguments)
    {
        string rule = Path.Combine(AppDomain.CurrentDomain.BaseDirectory, "rule.txt");
        if (!File.ReadAllText(rule).StartsWith("run", StringComparison.Ordinal))
        {
            ExitCode = 1066;
            throw new InvalidOperationException("rule.txt does not say run");
        }
    }

    public static void Main()
    {
        ServiceBase.Run(new ContractService());
    }
}
'@
if (@(Get-Service -Name $a.name -ErrorAction SilentlyContinue).Count -gt 0) {
    throw "there is a service $($a.name) already; remove it with: sc.exe delete $($a.name)"
}
if (-not (Test-Path -LiteralPath $program)) {
    Add-Type -TypeDefinition $source -ReferencedAssemblies System.ServiceProcess -OutputType ConsoleApplication -OutputAssembly $program
}
$null = New-Service -Name $a.name -BinaryPathName "`"$program`"" -StartupType Manual -Description 'Scratch service of the contract of flatnet-bot; may be deleted'
Start-Service -Name $a.name
@{ status = (Get-Service -Name $a.name).Status.ToString() }
