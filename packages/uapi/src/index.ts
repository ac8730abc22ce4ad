/**
 * The numbers and layouts that Linux user space and kernel share for device-memory networking, and errno.
 *
 * @packageDocumentation
 */
export {};
