/**
 * Whether the contract is checked on the data path: who puts what, from where, how often.
 *
 * Decided when the module is loaded, so that it is a constant to the optimiser: a production build sets
 * `globalThis.__NETMEM_PRODUCTION__ = true` before its first import (or has its bundler replace the expression).
 */
export const CHECKED: boolean = (globalThis as { __NETMEM_PRODUCTION__?: boolean }).__NETMEM_PRODUCTION__ !== true;
