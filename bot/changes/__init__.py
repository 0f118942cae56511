"""Changes of hosts: plan, approval, durable run, outcome."""
