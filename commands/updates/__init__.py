"""Security updates that are pending."""
