"""Access: grants, approval rules and the policy that judges requests by them."""
