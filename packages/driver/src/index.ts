/**
 * The reference driver for the gVNIC DQO-RDA card: a short example of every rule of the netmem driver contract.
 *
 * @packageDocumentation
 */
export {};
