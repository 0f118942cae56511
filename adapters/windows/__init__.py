"""The Windows side of a host: scripts run over WinRM, each with one framed JSON answer."""
