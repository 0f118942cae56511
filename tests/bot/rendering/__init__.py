"""Values become what people and programs see."""
