# A classification tree (Breiman et al. 1984) by rpart, which every R installation has.
#
# The runner calls train(x, y, ...) with the params of runner.yaml, and R's own predict() then:
# x is a data.frame, y a factor, and whatever train() returns is the model.

library(rpart)

train <- function(x, y, cp = 0.01) {
  rpart(species ~ ., data = cbind(x, species = y), cp = cp)
}
