/**
 * Ports that move frames by slot: an in-memory cable with seeded faults, a tracer and a fault injector.
 *
 * @packageDocumentation
 */
export {};
