# Name the process that runs this, and look for another one.
# In: id. Out: own, runs.
param($a)
Set-StrictMode -Version 3
@{
    own = $PID
    runs = [bool](Get-Process -Id $a.id -ErrorAction SilentlyContinue)
}
