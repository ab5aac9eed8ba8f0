"""The sectors that Klopf ships, a file each."""
