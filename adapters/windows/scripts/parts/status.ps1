# The status of a service.

# Only the one error says that there is no such service; of all others (access denied) nothing follows.
function Read-Status([string]$name) {
    try {
        return (Get-Service -Name $name -ErrorAction Stop).Status.ToString()
    } catch {
        if ($_.FullyQualifiedErrorId -like 'NoServiceFoundForGivenName,*') {
            return 'Absent'
        }
        return 'Unknown'
    }
}
