"""The contract of the Windows scripts on a real Windows machine: `python -m tests.windows --help`.

The same cases that the lab's twins and PowerShell 7 answer (`tests/adapters/windows/*_cases.py`) are laid out in a scratch
folder of the machine and asked over real WinRM. A scratch service goes through real guarded changes. Nothing of Flatnet is
touched, and the scratch is removed at the end.
"""
