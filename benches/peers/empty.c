/* Nothing: what starting and ending a program costs. Built static, so that nothing is linked at its start. */
int main(void) { return 0; }
