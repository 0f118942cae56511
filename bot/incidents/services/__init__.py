"""Services of incidents: what keeps, collects and announces them."""
