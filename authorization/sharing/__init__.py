"""Sharing between departments (共享): asked for, decided in time, supplied, used, disposed of."""
