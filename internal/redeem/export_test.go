package redeem

// CheckPIN lets tests try a PIN with a request that has already ended.
var CheckPIN = (*Service).checkPIN
