/** Whether shortcuts are written with the Command key. */
export const onMac: boolean = /Mac/u.test(navigator.userAgent);
