"""The Windows side of a host: WinRM in, one framed JSON answer out."""
