/**
 * The bytes that move: one linear buffer per process, regions of it and of foreign memory, and ranges that name them.
 *
 * @packageDocumentation
 */
export {};
