# Behind bootstrap.ps1: the process answers the one line on its stdin, and ends.
$answer = Get-FlatnetAnswer ([Console]::In.ReadLine())
[Console]::Out.WriteLine($answer.frame)
exit $answer.code
