/**
 * Wires a whole host in one call: machine, card, driver, stack and peer.
 *
 * @packageDocumentation
 */
export {};
