declare const __POOLCTL_VERSION__: string;

/** The version of package.json, put in by the build. */
export const version: string = __POOLCTL_VERSION__;
