/**
 * Registers, descriptors and commands of the card as the driver sees them.
 *
 * @packageDocumentation
 */
export {};
