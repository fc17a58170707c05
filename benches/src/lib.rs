//! Benchmarks: `benches/run` runs them all. Each measures against a floor or a peer in the same run, and its figures are ratios.
