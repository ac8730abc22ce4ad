/**
 * A Linux TAP interface as a Port, so that a simulated host speaks with the real kernel.
 *
 * @packageDocumentation
 */
export {};
