//! The virtual-time harness: a platform, its phones and the network between them, in one thread, from one seed.
