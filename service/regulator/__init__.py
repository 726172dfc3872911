"""What the regulator's view joins from other rooms: names, the odometer, rules and alerts."""
