"""A fleet of real programs in namespaces of this machine: systemd, sshd, sudo, podman, rsyslog, apt, Nebula, nginx.

    python -m tests.fleet up | run PROGRAM … | down        by hand
    Space (namespaces, cgroup) ─┬─ Distribution: systemd as PID 1, prepare-wsl.sh ─ Door ◀─ the bot's SSH
                                └─ Overlay: a switch and Nebula daemons, each in a network namespace

Nothing of the machine is changed: every mount, file, process and interface ends with the namespaces.
"""
