"""What every Rotunda service would otherwise write again."""
