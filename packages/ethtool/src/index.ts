/**
 * Rings, channels, RSS, ntuple filters, features, coalescing and statistics of a simulated Linux network device.
 *
 * @packageDocumentation
 */
export {};
