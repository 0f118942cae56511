"""The lab's Slack keeps Slack's rules: driven by the real SDK."""
