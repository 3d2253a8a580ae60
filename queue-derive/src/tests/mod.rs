//! Token snapshots: what the derives write, as readers of expanded code see it.
