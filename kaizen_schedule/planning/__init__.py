"""What is due: recurrence, prompts, the manifest's rules, definitions, the timetable."""
