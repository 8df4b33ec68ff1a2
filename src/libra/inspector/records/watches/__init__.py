"""What outlives the process of a watch: its record, its schedule, its webhook, its alerts."""
