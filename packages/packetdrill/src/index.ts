/**
 * Scripts in packetdrill's syntax, run on a virtual clock against any user-space TCP stack.
 *
 * @packageDocumentation
 */
export { PacketdrillError } from './packetdrill-error.ts';
export { parseScript } from './syntax/parse-script.ts';
export { printScript } from './syntax/print-script.ts';
