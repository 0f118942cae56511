"""Checks PowerShell files against the real surface of Windows PowerShell 5.1 and .NET Framework 4.8 (README.md)."""
