/**
 * The page_pool of Linux and its memory-provider contract, faithful in names, order of checks, errnos and counters.
 *
 * @packageDocumentation
 */
export {};
