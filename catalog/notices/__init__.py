"""Notices: what somebody is to be told, written with the entry that is the reason for it."""
