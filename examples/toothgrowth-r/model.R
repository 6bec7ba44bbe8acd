# The length of guinea pigs' teeth by dose and source of vitamin C (Crampton 1947): a linear model.
#
# The data come from R itself: train() and test() give features and target, and no row of them
# goes through Python on its way to fit(). `supp` is a factor: "OJ", orange juice, or "VC", ascorbic acid.

every_fourth <- seq_len(nrow(datasets::ToothGrowth)) %% 4 == 0

features_and_target <- function(rows) {
  data <- datasets::ToothGrowth[rows, ]
  list(x = data[c("supp", "dose")], y = data$len)
}

train <- function() features_and_target(!every_fourth)

test <- function() features_and_target(every_fourth)

fit <- function(x, y) {
  lm(y ~ supp * log2(dose), data = x)
}
