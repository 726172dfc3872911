"""What every room stands on and no room owns: settings, time, ids, errors, storage, keys, money."""
