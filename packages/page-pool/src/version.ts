/** Version of this package, as in its manifest. */
export const PAGE_POOL_VERSION = '0.0.0';
