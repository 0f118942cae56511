# Keep the term of the bot's lead, so that what carries a lower one is refused from now on.
# In:  term.
# Out: term.
param($a)
Set-StrictMode -Version 3
# Part: script
# Part: term

Save-Term $a.term
@{ term = $a.term }
