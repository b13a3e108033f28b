// The path of the start page: `/`, or the path below which a reverse proxy serves this server.

export const base = new URL("../../", import.meta.url).pathname;
