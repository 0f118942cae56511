# Run another script of the bot, unless this host has seen a higher term: then a later lead of the bot acts here.
# In:  term, script (the text of another file of this folder), args (what that one gets).
# Out: what that script answers. Its errors are its own, too, and it finds nothing of this one.
param($asked)
& {
    param($a)
    Set-StrictMode -Version 3
# Part: script
# Part: term
    Save-Term $a.term
} $asked
& ([scriptblock]::Create($asked.script)) $asked.args
